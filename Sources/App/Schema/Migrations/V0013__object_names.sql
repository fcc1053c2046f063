-- An object's name has its parts in double quotes where they hold a dot, a quote or `#`, so that no two objects have one name.
-- Few names change, and a dimension table is small; the metric tables name objects by their ids and are not touched.
UPDATE pganalytics.objects o SET name = quoted.name
FROM (
  SELECT server_id, object_id,
    (SELECT string_agg(
        CASE WHEN part ~ '["#]' OR (part LIKE '%.%' AND cardinality(key) > 1)
          THEN '"' || replace(part, '"', '""') || '"' ELSE part END, '.' ORDER BY place)
     FROM unnest(key) WITH ORDINALITY AS parts(part, place)) AS name
  FROM pganalytics.objects
  WHERE EXISTS (SELECT FROM unnest(key) AS part WHERE part ~ '["#.]')
) quoted
WHERE o.server_id = quoted.server_id AND o.object_id = quoted.object_id AND o.name IS DISTINCT FROM quoted.name;
