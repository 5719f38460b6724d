-- A receipt of a gateway names a message by what the gateway called it: the challenge is found by how its send went.
CREATE INDEX challenges_sent ON challenges (sent) WHERE sent IS NOT NULL;
