"""Settings of the documentation site, which tools/docs builds with Sphinx."""

from __future__ import annotations

import re

from docutils.nodes import TextElement, reference
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

project = "highload.lvs"
author = "The highload.lvs founders"
project_copyright = "The highload.lvs founders, GPL-3.0-or-later"
html_title = "highload.lvs"

# The source is a copy of the whole checkout, so that links between documents are the same here as in the repository.
root_doc = "docs/index"
include_patterns = ["docs/**", "roles/*/README.md", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"]
exclude_patterns = ["docs/images/**"]
extensions = ["myst_parser", "sphinx_antsibull_ext", "sphinx_copybutton"]
myst_heading_anchors = 3
myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist"]

nitpicky = True
highlight_language = "yaml+jinja"
# Prompts and output are shown beside commands: copy only the commands.
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True

html_theme = "furo"
html_extra_path = ["site"]
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False

# What the generated pages refer to in ansible-core's documentation: known here, so that the build needs no network.
ANSIBLE = "https://docs.ansible.com/projects/ansible/latest/"
ANSIBLE_PAGES = {
    "action_plugins": "plugins/action.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}


def ansible_core(app: Sphinx, env: BuildEnvironment, node: pending_xref, text: TextElement) -> reference | None:
    """Lead a label that is not of this site to ansible-core's, or let Sphinx complain."""
    label = node["reftarget"]
    page = ANSIBLE_PAGES.get(label)
    if builtin := re.fullmatch(r"ansible_collections\.ansible\.builtin\.(\w+)", label):
        page = f"collections/ansible/builtin/{builtin[1]}.html"
    return reference("", "", text, internal=False, refuri=ANSIBLE + page) if page else None


def setup(app: Sphinx) -> None:
    """Let Sphinx ask for labels that it does not find."""
    app.connect("missing-reference", ansible_core)
