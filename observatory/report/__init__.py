"""Reports on results: one page of HTML that needs no network, and tables in Markdown."""
