-- @setup
CREATE OR REPLACE TEMPORARY VIEW emp AS SELECT * FROM VALUES (1, 'Ada', 'eng', 120, CAST(NULL AS INT)), (2, 'Bob', 'eng', 100, 1), (3, 'Cy', 'ops', 80, 1), (4, 'Di', 'ops', 80, 3), (5, 'Ed', NULL, 60, 3), (6, 'Fay', 'hr', NULL, 1) AS t(id, name, dept, salary, boss);
-- @setup
CREATE OR REPLACE TEMPORARY VIEW dept AS SELECT * FROM VALUES ('eng', 'Berlin'), ('ops', 'Paris'), ('law', 'Rome') AS t(code, city);
-- @setup
CREATE OR REPLACE TEMPORARY VIEW sales AS SELECT * FROM VALUES (2023, 1, 'east', 100), (2023, 2, 'east', 150), (2023, 1, 'west', 50), (2024, 1, 'east', 120), (2024, 2, 'west', 70), (2024, 2, 'east', NULL) AS t(year, quarter, region, amount);
-- @setup
CREATE OR REPLACE TEMPORARY VIEW items AS SELECT * FROM VALUES (1, array(10, 20, 30), map('a', 1, 'b', 2)), (2, array(), NULL), (3, NULL, NULL), (4, array(40, NULL), map('c', 3)) AS t(id, xs, kv);
WITH a AS (SELECT 1 AS x) SELECT * FROM a;
WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS y FROM a) SELECT * FROM a, b;
WITH a(p, q) AS (SELECT 1, 2) SELECT p + q FROM a;
WITH t AS (SELECT * FROM emp WHERE dept = 'eng') SELECT count(*) FROM t;
WITH a AS (SELECT 1 AS x) SELECT * FROM (WITH b AS (SELECT 2 AS y) SELECT a.x, b.y FROM a, b);
WITH a AS (SELECT 1 AS x) SELECT * FROM (WITH a AS (SELECT 2 AS x) SELECT * FROM a);
WITH emp AS (SELECT 'shadow' AS name) SELECT name FROM emp;
WITH a AS (WITH b AS (SELECT 3 AS z) SELECT z FROM b) SELECT z FROM a;
WITH a AS (SELECT 1), a AS (SELECT 2) SELECT * FROM a;
WITH a AS (SELECT 1 AS x) SELECT x FROM a UNION ALL SELECT x + 1 FROM a ORDER BY x;
WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT * FROM t ORDER BY n;
WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT sum(n) FROM t;
WITH RECURSIVE chain(id, name, depth) AS (SELECT id, name, 0 FROM emp WHERE boss IS NULL UNION ALL SELECT e.id, e.name, depth + 1 FROM emp e JOIN chain c ON e.boss = c.id) SELECT name, depth FROM chain ORDER BY depth, name;
WITH RECURSIVE f(a, b) AS (SELECT 0, 1 UNION ALL SELECT b, a + b FROM f WHERE b < 20) SELECT a FROM f ORDER BY a;
WITH RECURSIVE p(path, id) AS (SELECT name, id FROM emp WHERE boss IS NULL UNION ALL SELECT concat(p.path, '/', e.name), e.id FROM emp e JOIN p ON e.boss = p.id) SELECT path FROM p ORDER BY path;
WITH RECURSIVE t MAX RECURSION LEVEL 3 AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT * FROM t;
WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT * FROM t LIMIT 4;
WITH t AS (SELECT n + 1 AS n FROM t) SELECT * FROM t;
WITH a AS (SELECT 1 AS x) SELECT b.x FROM a AS b WHERE b.x IN (SELECT x FROM a);
WITH a AS (SELECT explode(array(3, 1, 2)) AS x) SELECT x FROM a ORDER BY x;
WITH a AS (VALUES (1, 'x'), (2, 'y')) SELECT col2 FROM a ORDER BY col1;
WITH a AS (FROM emp SELECT name WHERE id = 1) SELECT * FROM a;
SELECT (WITH a AS (SELECT 7 AS x) SELECT x FROM a) AS y;
WITH a AS (SELECT 1 AS x) FROM a SELECT x + 1;
