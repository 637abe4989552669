"""A user's first steps with only this package installed: `python -I smoke.py native|numpy`."""

from __future__ import annotations

import importlib.util
import sys


def main() -> None:
    import vikingdb
    from vikingdb import signature

    assert "httpx" not in sys.modules
    client = vikingdb.AsyncVikingDB(host="127.0.0.1:1", region="cn-beijing", auth=vikingdb.IAM(ak="a", sk="b"))
    assert "a" in repr(client)
    assert len(signature.signature("b", "20260102T030405Z", signature.Scope("20260102", "r", "s"), "")) == 64
    engine = {"apsw", "numpy", "vicinal"}
    assert not engine & set(sys.modules)
    if sys.argv[1] == "native":  # then it was installed alone
        assert not [name for name in engine if importlib.util.find_spec(name)]
    print("smoke test passed")


if __name__ == "__main__":
    main()
