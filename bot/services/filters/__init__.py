"""The filters that people type, in any order and mixed with words: text in, `Filters` out.

status:failed, skipped type:export agent:"Complaint Agent" since:monday size:5
"late refund" invoice tenant:acme
q:status:FAILURE agentType:complaint      (all behind `q:` goes to Emporix as it is)

`tokens` parts the text, `known` holds each filter with an example, `values` and `times` read what
stands behind the colon, `asked` puts it all together.
"""

from bot.services.filters.asked import Asked, LocalClock, parse
from bot.services.filters.known import FILTERS, Filter

__all__ = ["FILTERS", "Asked", "Filter", "LocalClock", "parse"]
