"""Curves over time as an SVG, one panel below the other. It needs no library, so that the documents can be made on any machine."""

from xml.sax.saxutils import escape

WIDTH, PANEL, LEFT, RIGHT, TOP, BOTTOM, LEGEND = 900, 170, 60, 20, 28, 24, 110
COLOURS = ["#1f6feb", "#d1242f", "#1a7f37", "#8250df"]


def ceiling(value):
    """A round number that is at least `value`, for the top of an axis."""
    step = 10 ** (len(str(int(max(value, 1)))) - 1)
    return next(step * factor for factor in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * factor >= value)


def panel(title, times, curves, top, unit):
    highest = ceiling(max(max(values) for values in curves.values()))
    last = max(times[-1], 1e-9)
    x = lambda time: LEFT + time / last * (WIDTH - LEFT - RIGHT)  # noqa: E731
    y = lambda value: top + TOP + (1 - value / highest) * (PANEL - TOP - BOTTOM)  # noqa: E731
    parts = [f'<text x="{LEFT}" y="{top + 17}" font-weight="bold">{escape(title)}</text>']
    for share in (0, 0.5, 1):
        value = highest * share
        parts.append(f'<path d="M{LEFT} {y(value):.1f}H{WIDTH - RIGHT}" stroke="#d0d7de"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>')
    for index in range(6):
        time = last * index / 5
        parts.append(f'<text x="{x(time):.1f}" y="{top + PANEL - 6}" text-anchor="middle">{time:.0f}</text>')
    parts.append(f'<text x="{LEFT - 8}" y="{top + PANEL - 6}" text-anchor="end">{escape(unit)}</text>')
    for (name, values), colour in zip(curves.items(), COLOURS):
        path = "L".join(f"{x(time):.1f} {y(value):.1f}" for time, value in zip(times, values))
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        if name:
            left = WIDTH - RIGHT - LEGEND * (len(curves) - list(curves).index(name))
            parts.append(f'<text x="{left}" y="{top + 17}" fill="{colour}">{escape(name)}</text>')
    return "".join(parts)


def plot(panels, unit):
    """Draws panels. Each has a title, times, and the values by the name of each curve."""
    height = PANEL * len(panels)
    body = "\n".join(panel(title, times, curves, PANEL * i, unit) for i, (title, times, curves) in enumerate(panels))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">\n'
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>\n{body}\n</svg>\n'
    )
