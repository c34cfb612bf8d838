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
JOBS_FIND_START = "jobs.find.start"
JOBS_FIND_OPEN = "jobs.find.open"
JOBS_FILTER_EDIT = "jobs.filter.edit"
JOBS_FILTER_START = "jobs.filter.start"
JOBS_FILTER_WORDS = "jobs.filter.words"
JOBS_FILTER_CHANGE = "jobs.filter.change"
JOBS_FILTER_AGENT = "jobs.filter.agent"
JOBS_FILTER_SUBMIT = "jobs.filter.submit"
JOBS_RESULTS_FIRST = "jobs.results.first"
JOBS_RESULTS_NEXT = "jobs.results.next"
JOBS_RESULTS_PREVIOUS = "jobs.results.previous"
JOBS_RESULTS_REFRESH = "jobs.results.refresh"
JOBS_DELETE_CONFIRM = "jobs.delete.confirm"
JOBS_DELETE_KEEP = "jobs.delete.keep"
JOBS_DELETE_FOUND_START = "jobs.delete_found.start"
JOBS_DELETE_FOUND_ASK = "jobs.delete_found.ask"
JOBS_DELETE_FOUND_CHOSEN = "jobs.delete_found.chosen"
JOBS_DELETE_FOUND_CONFIRM = "jobs.delete_found.confirm"
JOBS_DELETE_SHARED_CONFIRM = "jobs.delete_shared.confirm"
JOBS_WATCH_START = "jobs.watch.start"
JOBS_WATCH_STOP = "jobs.watch.stop"
JOBS_UNWATCH_STOP = "jobs.unwatch.stop"
JOBS_SHARE_ASK = "jobs.share.ask"
JOBS_SHARE_CONFIRM = "jobs.share.confirm"
JOBS_SHARE_KEEP = "jobs.share.keep"
JOBS_SHARE_NEXT = "jobs.share.next"
JOBS_SHARE_PREVIOUS = "jobs.share.previous"
ALERTS_ON_RESUME = "alerts.on.resume"
ALERTS_OFF_ONE = "alerts.off.one"
ALERTS_MUTE_ONE = "alerts.mute.one"
ALERTS_UNMUTE_ONE = "alerts.unmute.one"
ALERTS_LIST_JOBS = "alerts.list.jobs"
JOBS_SHARE_FOUND_ASK = "jobs.share_found.ask"
JOBS_SHARE_FOUND_CHOOSE = "jobs.share_found.choose"
JOBS_SHARE_FOUND_CHOSEN = "jobs.share_found.chosen"
JOBS_SHARE_FOUND_CONFIRM = "jobs.share_found.confirm"
CONNECT_OPEN = "connect.open"
CONNECT_SUBMIT = "connect.submit"
DISCONNECT_CONFIRM = "disconnect.confirm"
DISCONNECT_KEEP = "disconnect.keep"
DIGEST_DELETE_CONFIRM = "digest.delete.confirm"
DIGEST_DELETE_KEEP = "digest.delete.keep"
DIGEST_EDIT_OPEN = "digest.edit.open"
DIGEST_EDIT_SUBMIT = "digest.edit.submit"
DIGEST_NEW_OPEN = "digest.new.open"
DIGEST_NEW_SUBMIT = "digest.new.submit"
DIGEST_NOW_POST = "digest.now.post"
DIGEST_PAUSE_GO = "digest.pause.go"
DIGEST_PREVIEW_SHOW = "digest.preview.show"
DIGEST_RESUME_GO = "digest.resume.go"
DIGEST_TAKE_OVER_TAKE = "digest.take_over.take"
USE_SWITCH = "use.switch"

# What buttons and modals remember: the kinds of `bot.say.state`.
STATE_CHANNEL = "channel"  # channel
STATE_CURSOR = "cursor"  # cursor, page, query (not in older ones)
STATE_DIGEST = "digest"  # digest
STATE_QUERY = "query"  # query: the short form of `bot.services.short_query`
STATE_JOB = "job"  # tenant, job; and cursor, page where the button stands in a list;
# part (message or response) where it shows the whole of that
STATE_SHARE = "share"  # tenant, job; or cursor, page
STATE_WATCH = "watch"  # tenant, job; and by (who shared it) where it is a shared card
STATE_SHARE_TO = "share_to"  # channel, thread; and tenant, job; or cursor, page
STATE_WORDS = "words"  # words
STATE_FORM = "form"  # form: the key of `bot.store.forms`
STATE_PLACE = "place"  # channel, thread; form: as of STATE_FORM, empty where there is none
STATE_DELETE = "delete"  # jobs: `tenant/id` line by line; form: as of STATE_PLACE; list: 1 or 0
STATE_SHARED_JOB = "shared_job"  # tenant, job; and row where the button stands in a list
STATE_SHARED_LIST = "shared_list"  # owner, cursor, page
STATE_ALERT = "alert"  # alert
STATE_TENANT = "tenant"  # tenant
