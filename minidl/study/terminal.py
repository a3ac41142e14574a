def render(page):
    return ""
