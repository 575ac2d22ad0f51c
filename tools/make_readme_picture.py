"""Make docs/images/demo.png, the picture in the README, from the frames that `stormcell demo` writes.

Run it as: stormcell demo && python tools/make_readme_picture.py
"""

from pathlib import Path

from PIL import Image

FRAMES = Path("demo/frames")
OUT = Path("docs/images/demo.png")
WIDTH = 480

chosen = [next(FRAMES.glob(pattern)) for pattern in ("005_*", "011_*", "017_*")]
pictures = [Image.open(path).convert("RGB") for path in chosen]
height = round(WIDTH * pictures[0].height / pictures[0].width)
sheet = Image.new("RGB", (WIDTH * len(pictures), height), "white")
for column, picture in enumerate(pictures):
    sheet.paste(picture.resize((WIDTH, height), Image.Resampling.LANCZOS), (column * WIDTH, 0))
OUT.parent.mkdir(parents=True, exist_ok=True)
sheet.save(OUT, optimize=True)
