"""How the site is built: ``make docs``. Nothing is downloaded; examples and the notebook run on the simulated atlas."""

from __future__ import annotations

import os
import runpy
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
sys.path[:0] = [str(HERE / "_ext"), str(PROJECT)]
# kernels of notebooks find this very jugex, and no atlas of the user's
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH", "")]))
os.environ.pop("JUGEX_DATA", None)
# and no profile of the user's; they tell of errors only
os.environ["IPYTHONDIR"] = str(HERE / "_build" / "ipython")

# found by the lines above
from pictures import draw_text_only  # noqa: E402

import jugex  # noqa: E402

project = "jugex"
author = "The jugex developers"
copyright = author
version = release = jugex.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_nb",
    "sphinx_gallery.gen_gallery",
    "sphinx_copybutton",
    "sphinx_design",
    "mathml",
]
exclude_patterns = ["_build", "gallery/*.ipynb", "gallery/*.py", "gallery/*.md5", "README.md", "images/*.py"]
templates_path = ["_templates"]
default_role = "autolink"
highlight_language = "none"

# --- pages in Markdown, and the notebook -------------------------------------------------------------------------
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "substitution"]
myst_heading_anchors = 3
myst_html_meta = {
    "description": "Which genes differ between regions of the human brain, by the Allen Human Brain Atlas (JuGEx).",
}
myst_substitutions = {"version": release}
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_in_temp = True  # what a notebook writes is not left in docs/
nb_execution_timeout = 300
nb_merge_streams = True

# --- reference from the docstrings -------------------------------------------------------------------------------
autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's sections say them
autodoc_member_order = "bysource"
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False  # the template of classes lists them
numpydoc_class_members_toctree = False

# --- gallery -----------------------------------------------------------------------------------------------------
EXAMPLES = HERE / "_build" / "examples"  # run there, so that what they write is not left in examples/

sphinx_gallery_conf = {
    "examples_dirs": [str(EXAMPLES)],
    "gallery_dirs": ["gallery"],
    "filename_pattern": r"^(?!.*reproduce_)",  # that one needs the donor archives
    "ignore_pattern": r"__init__\.py",
    "within_subsection_order": "pictures.ExampleOrder",
    "image_scrapers": ("pictures",),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 3600,
    "write_computation_times": False,
    "default_thumb_file": str(HERE / "_build" / "text-only.png"),
    "thumbnail_size": (320, 224),
}

# --- how it looks ------------------------------------------------------------------------------------------------
html_theme = "pydata_sphinx_theme"
html_title = f"jugex {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_math_renderer = "mathml"
html_theme_options = {
    "logo": {"text": "jugex"},
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "navbar_end": ["theme-switcher"],
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
    "pygments_light_style": "tango",
    "pygments_dark_style": "monokai",
}
html_sidebars = {"changelog": [], "citation": [], "gallery/index": []}


def setup(_app):
    """Bring the examples to where they are run, and draw what pages show."""
    EXAMPLES.mkdir(parents=True, exist_ok=True)
    profile = Path(os.environ["IPYTHONDIR"]) / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    (profile / "ipython_kernel_config.py").write_text("c.IPKernelApp.log_level = 40\n", encoding="utf-8")
    draw_text_only(HERE / "_build" / "text-only.png")
    for file in sorted((PROJECT / "examples").iterdir()):
        if file.suffix in {".py", ".rst"}:
            shutil.copy2(file, EXAMPLES / file.name)
    for name, folder in (("notebook.ipynb", "tutorial"), ("figures_of_a_result.ipynb", "howto")):
        shutil.copy2(PROJECT / "examples" / name, HERE / folder / name)
    runpy.run_path(str(HERE / "explanation" / "make_figures.py"))["make_figures"]()
