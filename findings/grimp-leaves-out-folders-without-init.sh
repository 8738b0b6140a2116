#!/usr/bin/env bash
# grimp 3.20 builds its graph of imports without the folders of a package that have no __init__.py,
# and says nothing of it. Python imports from such folders (PEP 420), so a test of layers by grimp or
# import-linter passes though a forbidden import stands in one of them. One would expect the modules
# in the graph, or a warning.
# Seen: modules of the folder with __init__.py are in the graph, those of the other one are not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check grimp==3.20

mkdir -p shop/with_init shop/without_init
touch shop/__init__.py shop/with_init/__init__.py
echo "VALUE = 1" > shop/low.py
echo "from shop.low import VALUE" > shop/with_init/a.py
echo "from shop.low import VALUE" > shop/without_init/b.py

venv/bin/python - <<'PYTHON'
import grimp, shop.without_init.b
assert shop.without_init.b.VALUE == 1, "Python imports it"
graph = grimp.build_graph("shop", cache_dir=None)
print("grimp", grimp.__version__, sorted(graph.modules))
importers = graph.find_modules_that_directly_import("shop.low")
assert importers == {"shop.with_init.a"}, importers
assert not any("without_init" in module for module in graph.modules)
print("as found: the module without __init__.py beside it is not in the graph")
PYTHON
