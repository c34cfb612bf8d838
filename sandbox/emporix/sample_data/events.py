"""The commerce events of the stand-in. Emporix: the full list is not documented."""

from __future__ import annotations

COMMERCE_EVENTS = [
    "product.product-created",
    "product.product-updated",
    "product.product-deleted",
    "order.order-created",
    "order.order-updated",
    "order.order-status-changed",
    "return.return-created",
    "customer.customer-created",
    "customer.customer-updated",
    "quote.quote-created",
]
