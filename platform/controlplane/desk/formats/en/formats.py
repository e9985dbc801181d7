"""How Django writes times at the desk: to the second, with the zone."""

DATETIME_FORMAT = "j M Y H:i:s T"
DATE_FORMAT = "j M Y"
