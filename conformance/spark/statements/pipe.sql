-- @setup
CREATE OR REPLACE TEMPORARY VIEW emp AS SELECT * FROM VALUES (1, 'Ada', 'eng', 120, CAST(NULL AS INT)), (2, 'Bob', 'eng', 100, 1), (3, 'Cy', 'ops', 80, 1), (4, 'Di', 'ops', 80, 3), (5, 'Ed', NULL, 60, 3), (6, 'Fay', 'hr', NULL, 1) AS t(id, name, dept, salary, boss);
-- @setup
CREATE OR REPLACE TEMPORARY VIEW dept AS SELECT * FROM VALUES ('eng', 'Berlin'), ('ops', 'Paris'), ('law', 'Rome') AS t(code, city);
-- @setup
CREATE OR REPLACE TEMPORARY VIEW sales AS SELECT * FROM VALUES (2023, 1, 'east', 100), (2023, 2, 'east', 150), (2023, 1, 'west', 50), (2024, 1, 'east', 120), (2024, 2, 'west', 70), (2024, 2, 'east', NULL) AS t(year, quarter, region, amount);
-- @setup
CREATE OR REPLACE TEMPORARY VIEW items AS SELECT * FROM VALUES (1, array(10, 20, 30), map('a', 1, 'b', 2)), (2, array(), NULL), (3, NULL, NULL), (4, array(40, NULL), map('c', 3)) AS t(id, xs, kv);
FROM emp |> SELECT name, salary |> WHERE salary > 90 |> ORDER BY name;
FROM emp |> WHERE id = 1;
FROM emp |> SELECT id, name |> ORDER BY id DESC |> LIMIT 2;
FROM emp |> SELECT id |> ORDER BY id |> LIMIT 2 OFFSET 1;
TABLE emp |> WHERE dept = 'ops' |> SELECT name |> ORDER BY name;
SELECT * FROM emp |> WHERE id < 3 |> SELECT name |> ORDER BY name;
VALUES (1, 'a'), (2, 'b') AS t(n, s) |> WHERE n = 2;
FROM emp |> EXTEND salary * 2 AS twice |> SELECT id, twice |> ORDER BY id;
FROM emp |> EXTEND id + 1 AS a, a + 1 AS b |> SELECT id, a, b |> ORDER BY id |> LIMIT 1;
FROM emp |> SET salary = salary + 1 |> SELECT id, salary |> ORDER BY id;
FROM emp |> SET salary = 0, name = upper(name) |> WHERE id = 1;
FROM emp |> DROP salary, boss |> WHERE id = 1;
FROM emp |> AS e |> SELECT e.name |> ORDER BY name |> LIMIT 1;
FROM emp |> AS e |> JOIN dept AS d ON e.dept = d.code |> SELECT e.name, d.city |> ORDER BY name;
FROM emp |> LEFT JOIN dept ON emp.dept = dept.code |> SELECT name, city |> ORDER BY name;
FROM emp |> SEMI JOIN dept ON dept = code |> SELECT name |> ORDER BY name;
FROM emp |> AGGREGATE count(*) AS n, sum(salary) AS s;
FROM emp |> AGGREGATE count(*) AS n GROUP BY dept |> ORDER BY dept;
FROM emp |> AGGREGATE sum(salary) AS s GROUP BY dept AS d |> WHERE s > 100 |> ORDER BY d;
FROM emp |> AGGREGATE count(*) GROUP BY dept |> ORDER BY 1;
FROM emp |> AGGREGATE count(*) AS n GROUP BY salary > 90 AS rich |> ORDER BY rich;
FROM emp |> AGGREGATE max(salary) AS m GROUP BY dept |> AGGREGATE count(*) AS n;
FROM emp |> SELECT id |> UNION ALL SELECT 100 |> ORDER BY id DESC |> LIMIT 2;
FROM emp |> SELECT dept |> EXCEPT SELECT code FROM dept |> ORDER BY dept;
FROM emp |> SELECT dept |> INTERSECT SELECT code FROM dept |> ORDER BY dept;
FROM emp |> SELECT DISTINCT dept |> ORDER BY dept;
FROM sales |> SELECT year, region, amount |> PIVOT (sum(amount) FOR region IN ('east', 'west')) |> ORDER BY year;
FROM (SELECT 1 AS id, 10 AS a, 20 AS b) |> UNPIVOT (v FOR n IN (a, b)) |> ORDER BY n;
FROM items |> LATERAL VIEW explode(xs) t AS x |> SELECT id, x |> ORDER BY id, x;
FROM emp |> TABLESAMPLE (100 PERCENT) |> SELECT id |> ORDER BY id |> LIMIT 1;
FROM emp |> SELECT id, row_number() OVER (ORDER BY id DESC) AS r |> WHERE r = 1;
FROM emp |> WHERE salary > 90 |> WHERE id > 1 |> SELECT name;
FROM emp |> SELECT sum(salary);
FROM emp |> AGGREGATE salary;
FROM emp |> DROP nope;
FROM emp |> SET nope = 1;
FROM emp |> NOPE;
WITH a AS (FROM emp |> WHERE id = 1) SELECT name FROM a;
SELECT * FROM (FROM emp |> SELECT id |> WHERE id < 3) ORDER BY id;
FROM emp |> SELECT id AS x |> EXTEND x * 2 AS y |> SET x = x + y |> ORDER BY x |> LIMIT 1;
FROM sales |> AGGREGATE sum(amount) AS s GROUP BY year, region |> AGGREGATE max(s) AS m GROUP BY year |> ORDER BY year;
