"""Indices into the 468 mesh points. Right and left are the person's own; pairs run from right to left."""

from __future__ import annotations

import numpy as np

RIGHT_EYE_CORNERS, LEFT_EYE_CORNERS = (33, 133), (263, 362)
CORNERS = (61, 291)
"""Outer corners of the mouth."""

UPPER_OUTER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
LOWER_OUTER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
UPPER_INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LOWER_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
UPPER_LIP = (
    *UPPER_OUTER,
    *UPPER_INNER,
    76,
    184,
    74,
    73,
    72,
    11,
    302,
    303,
    304,
    408,
    306,
    62,
    183,
    42,
    41,
    38,
    12,
    268,
    271,
    272,
    407,
    292,
)
LOWER_LIP = (
    *LOWER_OUTER[1:-1],
    *LOWER_INNER[1:-1],
    77,
    90,
    180,
    85,
    16,
    315,
    404,
    320,
    307,
    96,
    89,
    179,
    86,
    15,
    316,
    403,
    319,
    325,
)
JAW = (132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361)
"""Jaw line from ear to ear over the chin."""
CHIN = 152
NOSE_BASE = 2
FACE_OVAL = (
    10,
    338,
    297,
    332,
    284,
    251,
    389,
    356,
    454,
    323,
    361,
    288,
    397,
    365,
    379,
    378,
    400,
    377,
    152,
    148,
    176,
    149,
    150,
    136,
    172,
    58,
    132,
    93,
    234,
    127,
    162,
    21,
    54,
    103,
    67,
    109,
)

RIGID = np.array([33, 133, 362, 263, 168, 6, 197, 195, 5, 4, 9, 151, 10, 109, 338, 67, 297, 127, 356, 234, 454])
"""Points that move only with the head: eye corners, nose bridge, forehead, temples."""

CONTROL = np.array(
    sorted(
        {*UPPER_OUTER, *LOWER_OUTER, *UPPER_INNER, *LOWER_INNER, *JAW}
        | {175, 199, 200, 18, 201, 421, 205, 425, 207, 427, 187, 411, 212, 432, 202, 422, 204, 424, 210, 430, 214, 434}
        | {2, 97, 326, 164, 203, 423, 206, 426, 167, 393, 36, 266, 50, 280, 123, 352, 4, 93, 323}
    )
)
"""Control points for warps of the lower face."""

SKIN_BORDER = (
    172,
    136,
    150,
    149,
    176,
    148,
    152,
    377,
    400,
    378,
    379,
    365,
    397,
    435,
    427,
    425,
    423,
    326,
    2,
    97,
    203,
    205,
    207,
    215,
)
"""Outline of the skin that is redrawn: jaw line, cheeks, under the nose."""
INNER_RING = (*UPPER_INNER, *LOWER_INNER[-2:0:-1])
"""Outline of the mouth opening."""
OUTER_RING = (*UPPER_OUTER, *LOWER_OUTER[-2:0:-1])
"""Outline of the lips."""
