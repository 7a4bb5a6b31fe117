"""Telling other systems that an analysis is finished.

`announcing` writes the message in the transaction of the analysis, `courier` sends what is due, `sending`
speaks HTTP to an address that `addresses` has checked, `signing` signs after https://www.standardwebhooks.com.
A message names ids and a status; what was found is read by the API, by who may.
"""
