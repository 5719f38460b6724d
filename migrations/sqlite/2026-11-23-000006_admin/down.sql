DROP TABLE receipts;
DROP TABLE one_time_links;
