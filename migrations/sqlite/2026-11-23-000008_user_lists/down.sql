DELETE FROM user_facets WHERE facet IN ('single', 'never');
