"""The frames that Wan 2.6 renders, by resolution and aspect ratio: the one table on which all its sellers agree."""

ASPECTS = ("16:9", "9:16", "1:1", "4:3", "3:4")
RESOLUTIONS = ("720p", "1080p")
#: Width and height in pixels.
FRAMES: dict[tuple[str, str], tuple[int, int]] = {
    ("720p", "16:9"): (1280, 720),
    ("720p", "9:16"): (720, 1280),
    ("720p", "1:1"): (960, 960),
    ("720p", "4:3"): (1088, 832),
    ("720p", "3:4"): (832, 1088),
    ("1080p", "16:9"): (1920, 1080),
    ("1080p", "9:16"): (1080, 1920),
    ("1080p", "1:1"): (1440, 1440),
    ("1080p", "4:3"): (1632, 1248),
    ("1080p", "3:4"): (1248, 1632),
}
#: The largest seed that the model takes; the smallest is 0.
MAX_SEED = 2**31 - 1
#: Characters of a prompt, and of a negative one, beyond which the model silently cuts.
PROMPT_LIMIT = 1_500
NEGATIVE_LIMIT = 500
