#!/bin/sh
# Gets a browser for the tests of the dashboard, where that can be done here; without one those are skipped.
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then exit 0; fi
done
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    echo "Installing Chromium for the tests in a browser (apt-get install chromium) …"
    (apt-get update -qq && apt-get install -qq --yes --no-install-recommends chromium) >/dev/null 2>&1 ||
        echo "That did not work; the tests in a browser are skipped."
else
    echo "No Chromium is installed here, so the tests in a browser are skipped."
fi
