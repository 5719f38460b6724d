DROP INDEX sessions_order;
DROP TABLE user_groups;
DROP TABLE user_facets;
