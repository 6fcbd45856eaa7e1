"""Formulas as MathML, which browsers draw by themselves: no script, no font and no network is needed."""

from __future__ import annotations

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.errors import ExtensionError


def setup(app):
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def visit_inline(translator, node):
    """Write a formula in a line."""
    translator.body.append(_convert(node, as_block=False))
    raise nodes.SkipNode


def visit_block(translator, node):
    """Write a formula of its own line."""
    translator.body.append(translator.starttag(node, "div", CLASS="math-block"))
    translator.body.append(_convert(node, as_block=True))
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def _convert(node, *, as_block):
    try:
        return tex2mathml(node.astext(), as_block=as_block)
    except MathError as error:
        raise ExtensionError(f"{node.source}: the formula {node.astext()!r} cannot be read: {error}") from error
