-- Which events changed a binding after the one that granted it.
CREATE TABLE derived_change (member TEXT NOT NULL, bind TEXT NOT NULL, position INTEGER PRIMARY KEY) STRICT
