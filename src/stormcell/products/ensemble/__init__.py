"""What an ensemble says: probabilities, quantiles, means, and when rain starts and ends.

dataset        all products that are asked for, in one dataset
members        whose word counts at a pixel, and the labels of what comes out
probability    how likely it is that the rain reaches a threshold
neighbourhood  the same for the surroundings of a pixel
quantiles      rain rates that a share of the members stay below
mean           ensemble mean
matched_mean   the mean's pattern with the members' rain rates
onset          in how many minutes rain starts and ends

All take a forecast, (member, lead_time, y, x), and give labelled fields without `member`. A product is worked out from the members that
have a value at a pixel; where these are fewer than half of all members, it is NaN. A deterministic forecast is an ensemble of one.
"""
