"""Slack's limits for messages, views and blocks; Slack refuses a payload that exceeds one."""

from __future__ import annotations

VIEW_TYPES = frozenset({"modal", "home"})

# Slack: Block Kit reference, "blocks".
MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100

# Not documented: Slack refuses about 13,200 characters or more with `msg_blocks_too_long`.
MESSAGE_BLOCKS_TEXT = 12_000

# Slack: chat.postMessage accepts more, but recommends less than 4,000.
MESSAGE_TEXT = 3000

# Slack: Block Kit reference, one heading per block.
SECTION_TEXT = 3000
SECTION_FIELDS = 10
SECTION_FIELD = 2000
HEADER_TEXT = 150
CONTEXT_ELEMENTS = 10
CONTEXT_TEXT = 2000  # not documented; the limit of a field
ACTIONS_ELEMENTS = 25
IMAGE_TITLE = 2000
ALT_TEXT = 2000
INPUT_LABEL = 2000
INPUT_HINT = 2000
MARKDOWN_TEXT = 12_000
RICH_TEXT = 3000  # not documented; the limit of a section
BLOCK_ID = 255

# Slack: block "data_visualization"; the maximum per message is not documented.
CHARTS = 2
CHART_TITLE = 50
CHART_LABEL = 20  # also for the names of series
CHART_AXIS_LABEL = 50
CHART_SERIES = 6
CHART_CATEGORIES = 20

# Slack: Block Kit reference, "block elements".
ACTION_ID = 255
BUTTON_TEXT = 75
BUTTON_VALUE = 2000
ACCESSIBILITY_LABEL = 75
URL = 3000
PLACEHOLDER = 150
INITIAL_VALUE = 3000

# Slack: Block Kit reference, "composition objects".
CONFIRM_TITLE = 100
CONFIRM_TEXT = 300
CONFIRM_BUTTON = 30
SELECT_OPTIONS = 100
OPTION_GROUPS = 100
OPTIONS_OF = {"overflow": 5, "radio_buttons": 10, "checkboxes": 10}
OPTION_TEXT = 75
OPTION_VALUE = 150
OPTION_DESCRIPTION = 75
OPTION_GROUP_LABEL = 75

# Slack: reference for views.
VIEW_TITLE = 24  # also for the submit and close buttons
PRIVATE_METADATA = 3000
CALLBACK_ID = 255
EXTERNAL_ID = 255
