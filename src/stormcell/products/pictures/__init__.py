"""How a picture of rain is made.

layers        what an ensemble has to show beside rain
scenes        what is shown: observed frames, then the forecast's, small enough for a screen
layout        where everything lies, in pixels
overlay       what lies over the rain and stays the same: coastlines, borders, graticule, scale bar
surroundings  what lies around the map: labels, colour bar, time line
chart         puts the four together, scene by scene
palette       256 colours for all pictures of one animation
"""
