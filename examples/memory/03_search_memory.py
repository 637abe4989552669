"""What is known about a user: their profile, events by meaning, and those of the last week.

After 02_add_session.py: python examples/memory/03_search_memory.py
"""

from __future__ import annotations

import time
from importlib import import_module

first = import_module("01_init_client_and_collection")

WEEK_MS = 7 * 24 * 3600 * 1000
USER = {"user_id": "user_001"}


def main() -> None:
    with first.connect() as client:
        collection = first.demo_collection(client)
        answer = collection.search_memory(filter={**USER, "memory_type": ["profile_v1"]}, limit=10)
        for item in answer["data"]["result_list"]:
            print("profile:", item["memory_info"]["user_profile"])
        answer = collection.search_memory(query="weather today", filter={**USER, "memory_type": ["event_v1"]}, limit=1)
        for item in answer["data"]["result_list"]:
            print("event:", item["memory_info"]["summary"])
        now = int(time.time() * 1000)
        lately = {**USER, "start_time": now - WEEK_MS, "end_time": now}
        answer = collection.search_event_memory(filter=lately, limit=10)
        print("events of the last week:", answer["data"]["count"])


if __name__ == "__main__":
    main()
