"""A client of the memory service, and collections by name and by resource id.

pip install ./sdk/vikingdb                    # or the vendor's vikingdb-python-sdk
vicinal keys create ./data --role admin --name me --signing
vicinal serve ./data
curl -d '{"CollectionName": "sdk_demo"}' -H "Authorization: Bearer KEY" 127.0.0.1:8420/api/memory/collection/create
export VIKINGDB_AK=... VIKINGDB_SK=...        # the two lines that the first command printed
python examples/memory/01_init_client_and_collection.py

KEY is an admin's, created without --signing. VIKINGDB_HOST is the server; the default is 127.0.0.1:8420.
"""

from __future__ import annotations

import os

from vikingdb import IAM
from vikingdb.memory import Collection, VikingMem

COLLECTION = "sdk_demo"


def connect() -> VikingMem:
    """Returns a client with the credentials from the environment."""
    auth = IAM(ak=os.environ["VIKINGDB_AK"], sk=os.environ["VIKINGDB_SK"])
    host = os.environ.get("VIKINGDB_HOST", "127.0.0.1:8420")
    return VikingMem(host=host, region="cn-beijing", auth=auth, scheme="http")


def demo_collection(client: VikingMem) -> Collection:
    """Returns the collection of these examples, which must exist."""
    return client.get_collection(collection_name=COLLECTION, project_name="default")


def main() -> None:
    client = connect()
    print("the server answers:", client.ping())
    by_name = demo_collection(client)
    print("by name and project:", by_name.collection_name, by_name.project_name)
    by_id = client.get_collection(resource_id=os.environ.get("VIKINGDB_RESOURCE_ID", "mem-of-your-collection"))
    print("by resource id:", by_id.resource_id)


if __name__ == "__main__":
    main()
