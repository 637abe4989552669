"""Adds a conversation, with speakers and times; then shows what was extracted from it.

Set up as in 01_init_client_and_collection.py, then: python examples/memory/02_add_session.py
"""

from __future__ import annotations

import time
from importlib import import_module

first = import_module("01_init_client_and_collection")

SESSION = "session_001"
MESSAGES = [
    {"role": "user", "content": "Hello, how is the weather today?"},
    {"role": "assistant", "content": "Today is sunny, perfect for going out."},
    {"role": "user", "content": "Great. My name is Ada and I love hiking. Yesterday I bought new boots."},
    {"role": "assistant", "content": "Enjoy them on the trail!"},
]


def main() -> None:
    with first.connect() as client:
        collection = first.demo_collection(client)
        metadata = {
            "default_user_id": "user_001",
            "default_user_name": "Ada",
            "default_assistant_id": "assistant_001",
            "time": int(time.time() * 1000),
        }
        collection.add_session(session_id=SESSION, messages=MESSAGES, metadata=metadata)
        told = collection.get_session_info(SESSION)["data"]
        print("status:", told["status"])
        for event in told["event_memory"]:
            print("event:", event["memory_info"]["summary"])


if __name__ == "__main__":
    main()
