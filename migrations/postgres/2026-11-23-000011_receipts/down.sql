DROP INDEX challenges_sent;
