"""How this app is served, and the door before it: an address that is closed, a login, a demo's rules."""

import importlib.util
from typing import Final, NoReturn

import streamlit as st

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.tasks.mode import Mode, check_address, mode_of, person
from pages._shared.wording import escape

_NO_LOGIN: Final = (
    "GOLDENLAYERS_LOGIN is yes, and .streamlit/secrets.toml has no section auth with redirect_uri and cookie_secret; "
    "write it as docs/login-and-demo.md shows, and start the app anew."
)


def mode() -> Mode:
    """How this app is served. Raises ConfigError for a setting that means nothing."""
    return mode_of()


def door() -> None:
    """Before anything else: end the run here where the address is closed, or where a login is asked for."""
    try:
        how = mode()
        check_address(st.get_option("server.address"), how)
        if how.demo:
            st.set_option("client.showErrorDetails", "none")
        if how.login and who() is None:
            _login()
    except ConfigError as error:
        st.title("Golden Layers is closed")
        st.error(escape(str(error)), icon=":material/lock:")
        _stop()


def who() -> str | None:
    """The name of the desk of the person who logged in; None where nobody has, or nobody is asked to.

    Raises ConfigError where a login is asked for and not set up.
    """
    if not mode().login:
        return None
    secret = _secret()
    said = st.user.to_dict()
    if not said.get("is_logged_in"):
        return None
    return person(str(said.get("iss", "")), str(said.get("sub", "")), secret)


def _secret() -> str:
    """What Streamlit signs its own cookie with. Raises ConfigError where the login is not set up."""
    if importlib.util.find_spec("authlib") is None:
        raise ConfigError(
            "GOLDENLAYERS_LOGIN is yes and the package Authlib is missing; run make login, then start anew."
        )
    try:
        found = st.secrets.get("auth", {})
    except FileNotFoundError:
        found = {}
    if not found.get("redirect_uri") or not found.get("cookie_secret"):
        raise ConfigError(_NO_LOGIN)
    return str(found["cookie_secret"])


def _login() -> None:
    st.title("Golden Layers")
    st.markdown("Log in to find your own desk here: your runs, uploads and notes, from any browser.")
    st.button("Log in", "log-in", type="primary", icon=":material/login:", on_click=st.login)
    _stop()


def _stop() -> NoReturn:
    """End the run, without the list of pages that all lead here."""
    st.html("<style>[data-testid='stSidebar'], [data-testid='stExpandSidebarButton'] { display: none }</style>")
    st.stop()


def rules() -> str:
    """What a visitor of the demo has to know, in one sentence; "" outside it."""
    how = mode()
    if not how.demo:
        return ""
    return (
        f"This is a demo: what you make here is yours alone, and deleted {how.limits.hours} hours after your last "
        "visit."
    )


def sidebar() -> None:
    """The demo's rule, and the way out for whoever is logged in."""
    st.caption(rules() or "Everything stays on this machine.")
    if mode().login:
        st.button("Log out", "log-out", icon=":material/logout:", on_click=st.logout)
