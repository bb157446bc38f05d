-- @setup
CREATE OR REPLACE TEMPORARY VIEW emp AS SELECT * FROM VALUES (1, 'Ada', 'eng', 120, CAST(NULL AS INT)), (2, 'Bob', 'eng', 100, 1), (3, 'Cy', 'ops', 80, 1), (4, 'Di', 'ops', 80, 3), (5, 'Ed', NULL, 60, 3), (6, 'Fay', 'hr', NULL, 1) AS t(id, name, dept, salary, boss);
-- @setup
CREATE OR REPLACE TEMPORARY VIEW dept AS SELECT * FROM VALUES ('eng', 'Berlin'), ('ops', 'Paris'), ('law', 'Rome') AS t(code, city);
-- @setup
CREATE OR REPLACE TEMPORARY VIEW sales AS SELECT * FROM VALUES (2023, 1, 'east', 100), (2023, 2, 'east', 150), (2023, 1, 'west', 50), (2024, 1, 'east', 120), (2024, 2, 'west', 70), (2024, 2, 'east', NULL) AS t(year, quarter, region, amount);
-- @setup
CREATE OR REPLACE TEMPORARY VIEW items AS SELECT * FROM VALUES (1, array(10, 20, 30), map('a', 1, 'b', 2)), (2, array(), NULL), (3, NULL, NULL), (4, array(40, NULL), map('c', 3)) AS t(id, xs, kv);
SELECT * FROM sales PIVOT (sum(amount) FOR region IN ('east', 'west')) ORDER BY ALL;
SELECT * FROM sales PIVOT (sum(amount) FOR region IN ('east' AS e, 'west' AS w)) ORDER BY ALL;
SELECT * FROM sales PIVOT (sum(amount) AS total FOR region IN ('east', 'west')) ORDER BY ALL;
SELECT * FROM sales PIVOT (sum(amount) AS s, count(amount) AS c FOR region IN ('east' AS e, 'west' AS w)) ORDER BY ALL;
SELECT * FROM sales PIVOT (sum(amount), avg(amount) FOR region IN ('east', 'west')) ORDER BY ALL;
SELECT * FROM (SELECT year, region, amount FROM sales) PIVOT (sum(amount) FOR region IN ('east', 'west')) ORDER BY year;
SELECT year, e FROM (SELECT year, region, amount FROM sales) PIVOT (max(amount) FOR region IN ('east' AS e)) ORDER BY year;
SELECT * FROM (SELECT year, quarter, amount FROM sales) PIVOT (sum(amount) FOR quarter IN (1, 2)) ORDER BY year;
SELECT * FROM (SELECT year, quarter, amount FROM sales) PIVOT (sum(amount) FOR quarter IN (1 AS q1, 2 AS q2, 3 AS q3)) ORDER BY year;
SELECT * FROM (SELECT year, quarter, region, amount FROM sales) PIVOT (sum(amount) FOR (quarter, region) IN ((1, 'east') AS e1, (2, 'west') AS w2)) ORDER BY year;
SELECT * FROM (SELECT region, amount FROM sales) PIVOT (sum(amount) FOR region IN ('east', 'west'));
SELECT p.east FROM (SELECT year, region, amount FROM sales) PIVOT (sum(amount) FOR region IN ('east')) AS p ORDER BY p.year;
SELECT * FROM sales PIVOT (sum(amount * 2) FOR region IN ('east', 'west')) ORDER BY ALL;
SELECT * FROM sales PIVOT (amount FOR region IN ('east'));
SELECT * FROM sales PIVOT (sum(amount) FOR region IN (nope));
SELECT * FROM sales PIVOT (sum(amount) FOR nope IN ('east'));
SELECT * FROM (SELECT year, sum(amount) AS s FROM sales GROUP BY year) PIVOT (first(s) FOR year IN (2023, 2024));
SELECT * FROM (SELECT 1 AS id, 10 AS a, 20 AS b, CAST(NULL AS INT) AS c) UNPIVOT (v FOR n IN (a, b, c)) ORDER BY n;
SELECT * FROM (SELECT 1 AS id, 10 AS a, 20 AS b, CAST(NULL AS INT) AS c) UNPIVOT INCLUDE NULLS (v FOR n IN (a, b, c)) ORDER BY n;
SELECT * FROM (SELECT 1 AS id, 10 AS a, 20 AS b, CAST(NULL AS INT) AS c) UNPIVOT EXCLUDE NULLS (v FOR n IN (a, b, c)) ORDER BY n;
SELECT * FROM (SELECT 1 AS id, 10 AS a, 20 AS b) UNPIVOT (v FOR n IN (a AS first, b AS `the second`)) ORDER BY v;
SELECT * FROM (SELECT 1 AS id, 10 AS a, 20 AS b, 30 AS c, 40 AS d) UNPIVOT ((x, y) FOR n IN ((a, b) AS ab, (c, d) AS cd)) ORDER BY x;
SELECT * FROM (SELECT 1 AS id, 10 AS a, 20 AS b, 30 AS c, 40 AS d) UNPIVOT ((x, y) FOR n IN ((a, b), (c, d))) ORDER BY x;
SELECT u.n, u.v FROM (SELECT 1 AS id, 10 AS a, 20 AS b) UNPIVOT (v FOR n IN (a, b)) AS u ORDER BY n;
SELECT * FROM (SELECT 1 AS a, 'x' AS b) UNPIVOT (v FOR n IN (a, b));
SELECT * FROM (SELECT 1 AS a, 2.5 AS b) UNPIVOT (v FOR n IN (a, b)) ORDER BY n;
SELECT n, sum(v) FROM (SELECT * FROM VALUES (1, 2), (3, 4) AS t(a, b)) UNPIVOT (v FOR n IN (a, b)) GROUP BY n ORDER BY n;
SELECT * FROM (SELECT 1 AS a) UNPIVOT (v FOR n IN (nope));
