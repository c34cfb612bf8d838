"""Sample messages of agents in many formats: complaints, fraud checks and product texts."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random

Writer = Callable[[Random], str]

PRODUCTS = (
    "Trail running shoe Vento",
    "Espresso machine Aria 2",
    "Rain jacket Nordlicht",
    "Standing desk Fjell 160",
    "Headphones Quiet One",
    "Kinderfahrrad Flitzer 20″",
    "Gusseisenpfanne 28 cm",
    "Cordless drill X12",
)
PEOPLE = ("Ms Okafor", "Mr Lindqvist", "Ms García", "Mr Yamamoto", "Dr Weiß", "Ms O'Neill")
LEUTE = ("Frau Krüger", "Herr Öztürk", "Frau Müller-Lüdenscheidt", "Herr Jäger")


def order(rng: Random) -> str:
    return f"EON{rng.randint(1000, 9999)}"


def invoice(rng: Random) -> str:
    return f"EIN{rng.randint(250000, 269999)}"


def price(rng: Random) -> str:
    return f"{rng.randint(9, 900)}.{rng.randint(0, 99):02d}"


def late_refund(rng: Random) -> str:
    return (
        f"Dear {rng.choice(PEOPLE)},\n\nwe are sorry for the late refund of order {order(rng)}. "
        f"The amount of **{price(rng)} EUR** was booked today and should reach your account "
        "within three working days.\n\nBest regards,  \n[Your Support Team]"
    )


def wrong_invoice(rng: Random) -> str:
    return (
        f"We checked invoice {invoice(rng)} for order {order(rng)}: the *billing address* was "
        "outdated. A corrected invoice is on its way.\n\n- address: corrected\n- VAT: unchanged\n"
        f"- total: {price(rng)} EUR"
    )


def beschwerde(rng: Random) -> str:
    return (
        f"Guten Tag {rng.choice(LEUTE)},\n\nvielen Dank für Ihre Nachricht zur Rechnung "
        f"{invoice(rng)}. Der Betrag von {price(rng).replace('.', ',')} € wurde geprüft; die "
        f"Gutschrift zur Bestellung {order(rng)} erhalten Sie in Kürze.\n\nMit freundlichen Grüßen"
    )


def fraud_table(rng: Random) -> str:
    return (
        f"## Fraud check of order {order(rng)}\n\n| check | result | weight |\n|---|---|---:|\n"
        f"| address | {rng.choice(('matches', 'differs'))} | 20 |\n"
        f"| velocity | {rng.randint(1, 9)} orders in 24 h | 30 |\n"
        f"| card country | {rng.choice(('DE', 'PL', 'US', 'BR'))} | 50 |\n\n"
        f"**Score {rng.randint(2, 98)} of 100**, see [the order](https://shop.example/orders)."
    )


def fraud_json(rng: Random) -> str:
    reasons = rng.sample(["new account", "address differs", "many cards", "night order"], 2)
    verdict = {"orderId": order(rng), "score": rng.randint(2, 98), "reasons": reasons}
    return json.dumps(verdict | {"decision": rng.choice(["accept", "review", "reject"])})


def product_text(rng: Random) -> str:
    name, days = rng.choice(PRODUCTS), rng.randint(1, 5)
    return (
        f"# {name}\n\n{name} is made for every day and built to last.\n\n1. Light and sturdy\n"
        f"2. Two years of warranty\n3. Ships in {days} {'day' if days == 1 else 'days'}\n\n"
        f"> Suggested price: {price(rng)} EUR\n\n```\nSKU-{rng.randint(10000, 99999)}\n```"
    )


def produkttext(rng: Random) -> str:
    name = rng.choice(PRODUCTS)
    return (
        f"**{name}** – für Groß und Klein. Robust, pflegeleicht und in {rng.randint(2, 9)} Farben "
        "erhältlich. Jetzt mit kostenfreiem Rückversand!"
    )


def fenced_json(rng: Random) -> str:
    text = {"name": rng.choice(PRODUCTS), "keywords": ["new", "sale"], "price": price(rng)}
    return f"```json\n{json.dumps(text, indent=2, ensure_ascii=False)}\n```"


def doubly_encoded(rng: Random) -> str:
    answer = {"answer": f"Order {order(rng)} was sent.\nIt arrives tomorrow.", "sure": True}
    return json.dumps(json.dumps(answer))


def literal_newlines(rng: Random) -> str:
    return (
        f"Order {order(rng)} has been delayed.\\n\\nReasons:\\n- carrier strike\\n- customs"
        f"\\n\\nNew date: in {rng.randint(2, 9)} days."
    )


def failure(rng: Random) -> str:
    return rng.choice(
        (
            f"Agent execution failed: order {order(rng)} could not be found.",
            "Tool call `get_invoice` timed out after 30 s; the customer was not answered.",
            "The language model answered 429: quota exceeded. No text was written.",
            f"Kunde zur Rechnung {invoice(rng)} nicht gefunden; bitte manuell prüfen.",
            '{"error": "ToolExecutionException", "tool": "order-lookup", "attempts": 3}',
        )
    )


def skipped(rng: Random) -> str:
    return rng.choice(
        (
            "No action needed: the product already has a description.",
            f"Order {order(rng)} is below the fraud threshold; the check was skipped.",
        )
    )


def question(rng: Random) -> str:
    return rng.choice(
        (
            f"Where is my order {order(rng)}? I have been waiting for two weeks!",
            f"Write a short text for {rng.choice(PRODUCTS)}.",
            f"Warum ist meine Rechnung {invoice(rng)} falsch?",
        )
    )


WRITERS: dict[str, tuple[Writer, ...]] = {
    "complaint": (late_refund, wrong_invoice, beschwerde, late_refund),
    "anti_fraud": (fraud_table, fraud_json),
    "generic": (product_text, produkttext, fenced_json, doubly_encoded, literal_newlines),
}
