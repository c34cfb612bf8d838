"""Addresses of buttons and modals: the path of the file that hears them, and the verb.

Never rename one while messages that carry it live; Slack keeps old messages for ever.
"""

JOBS_LIST_ALL = "jobs.list.all"
JOBS_LIST_AGAIN = "jobs.list.again"
JOBS_LIST_FIRST = "jobs.list.first"
JOBS_LIST_NEXT = "jobs.list.next"
JOBS_LIST_PREVIOUS = "jobs.list.previous"
JOBS_LIST_REFRESH = "jobs.list.refresh"
JOBS_GET_OPEN = "jobs.get.open"
JOBS_GET_WHOLE = "jobs.get.whole"
JOBS_CLEAN_OPEN = "jobs.clean.open"
JOBS_CLEAN_KEEP = "jobs.clean.keep"
JOBS_CLEAN_SUBMIT = "jobs.clean.submit"
JOBS_CLEAN_STOP = "jobs.clean.stop"
JOBS_CLEAN_GO_ON = "jobs.clean.go_on"
JOBS_DELETE_CONFIRM = "jobs.delete.confirm"
JOBS_DELETE_KEEP = "jobs.delete.keep"
JOBS_DELETE_SHARED_CONFIRM = "jobs.delete_shared.confirm"
JOBS_SHARE_ASK = "jobs.share.ask"
JOBS_SHARE_CONFIRM = "jobs.share.confirm"
JOBS_SHARE_KEEP = "jobs.share.keep"
JOBS_SHARE_NEXT = "jobs.share.next"
JOBS_SHARE_PREVIOUS = "jobs.share.previous"
CONNECT_OPEN = "connect.open"
CONNECT_SUBMIT = "connect.submit"
DISCONNECT_CONFIRM = "disconnect.confirm"
DISCONNECT_KEEP = "disconnect.keep"
USE_SWITCH = "use.switch"

# What buttons remember: the kinds of `bot.say.state`.
STATE_CURSOR = "cursor"  # cursor, page, query (not in older ones)
STATE_QUERY = "query"  # query: the short form of `bot.services.short_query`
STATE_JOB = "job"  # tenant, job; and cursor, page where the button stands in a list;
# part (message or response) where it shows the whole of that
STATE_SHARE = "share"  # tenant, job; or cursor, page
STATE_SHARED_JOB = "shared_job"  # tenant, job; and row where the button stands in a list
STATE_SHARED_LIST = "shared_list"  # owner, cursor, page
STATE_TENANT = "tenant"  # tenant
STATE_CLEAN = "clean"  # clean; and tenant, counted where the button opens the form
