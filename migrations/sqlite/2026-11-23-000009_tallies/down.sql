DELETE FROM counters WHERE name = 'tallies';
DROP TABLE tallies;
