"""Ray's own program, with addresses taken as they are given. Run as a module, it takes the arguments of `ray`."""

import sys


def as_given() -> None:
    """Have Ray take 127.0.0.1 for what it is. By itself it puts the machine's outer address in its place and listens on
    every one."""
    from ray._private import services

    services.resolve_ip_for_localhost = str


def main() -> int:
    """What `ray` does with the same arguments."""
    from ray.scripts.scripts import main as program

    as_given()
    status = program()
    return int(status or 0)


if __name__ == "__main__":
    sys.exit(main())
