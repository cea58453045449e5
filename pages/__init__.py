"""The pages, each one question a person asks. Every one of them runs inside app.py.

Streamlit takes a folder of this name for its older kind of app until `st.navigation` has run once. A first visit to an
address like /edit, or a tab that reconnects after a restart, would then show the page bare: no sidebar, no styles.
"""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

if PagesManager.uses_pages_directory:
    PagesManager.uses_pages_directory = False
    st.rerun()  # this time through app.py
