"""The dashboard: a client of the workbench and the ledger. ``streamlit run app/main.py``, or ``kraken-history app``."""
