-- @setup
CREATE OR REPLACE TEMPORARY VIEW emp AS SELECT * FROM VALUES (1, 'Ada', 'eng', 120, CAST(NULL AS INT)), (2, 'Bob', 'eng', 100, 1), (3, 'Cy', 'ops', 80, 1), (4, 'Di', 'ops', 80, 3), (5, 'Ed', NULL, 60, 3), (6, 'Fay', 'hr', NULL, 1) AS t(id, name, dept, salary, boss);
-- @setup
CREATE OR REPLACE TEMPORARY VIEW dept AS SELECT * FROM VALUES ('eng', 'Berlin'), ('ops', 'Paris'), ('law', 'Rome') AS t(code, city);
-- @setup
CREATE OR REPLACE TEMPORARY VIEW sales AS SELECT * FROM VALUES (2023, 1, 'east', 100), (2023, 2, 'east', 150), (2023, 1, 'west', 50), (2024, 1, 'east', 120), (2024, 2, 'west', 70), (2024, 2, 'east', NULL) AS t(year, quarter, region, amount);
-- @setup
CREATE OR REPLACE TEMPORARY VIEW items AS SELECT * FROM VALUES (1, array(10, 20, 30), map('a', 1, 'b', 2)), (2, array(), NULL), (3, NULL, NULL), (4, array(40, NULL), map('c', 3)) AS t(id, xs, kv);
SELECT name, row_number() OVER (ORDER BY salary DESC NULLS LAST, id) AS r FROM emp ORDER BY r;
SELECT name, rank() OVER (ORDER BY salary) AS r, dense_rank() OVER (ORDER BY salary) AS d FROM emp ORDER BY id;
SELECT name, percent_rank() OVER (ORDER BY id) AS p, cume_dist() OVER (ORDER BY id) AS c, ntile(3) OVER (ORDER BY id) AS n FROM emp ORDER BY id;
SELECT id, lag(id) OVER (ORDER BY id) AS a, lead(id, 2, -1) OVER (ORDER BY id) AS b FROM emp ORDER BY id;
SELECT id, first_value(name) OVER w AS f, last_value(name) OVER w AS l, nth_value(name, 2) OVER w AS n FROM emp WINDOW w AS (PARTITION BY dept ORDER BY id) ORDER BY id;
SELECT id, sum(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS s FROM emp ORDER BY id;
SELECT id, sum(id) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) AS s FROM emp ORDER BY id;
SELECT id, sum(salary) OVER (ORDER BY salary RANGE BETWEEN 20 PRECEDING AND CURRENT ROW) AS s FROM emp WHERE salary IS NOT NULL ORDER BY id;
SELECT id, count(*) OVER (ORDER BY salary RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS s FROM emp ORDER BY id;
SELECT id, avg(salary) OVER (PARTITION BY dept) AS a FROM emp ORDER BY id;
SELECT id, salary - avg(salary) OVER (PARTITION BY dept) AS diff FROM emp ORDER BY id;
SELECT id, max(salary) OVER () AS m FROM emp ORDER BY id;
SELECT id, count(*) OVER (PARTITION BY dept ORDER BY id) AS c FROM emp ORDER BY id;
SELECT id, sum(salary) OVER w1 AS a, avg(salary) OVER w2 AS b FROM emp WINDOW w1 AS (PARTITION BY dept), w2 AS (ORDER BY id) ORDER BY id;
SELECT id, sum(salary) OVER (w ORDER BY id) AS a FROM emp WINDOW w AS (PARTITION BY dept) ORDER BY id;
SELECT id, lag(salary) IGNORE NULLS OVER (ORDER BY id DESC) AS a FROM emp ORDER BY id;
SELECT id, lag(salary) RESPECT NULLS OVER (ORDER BY id DESC) AS a FROM emp ORDER BY id;
SELECT id, first_value(dept, true) OVER (ORDER BY id DESC ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS a FROM emp ORDER BY id;
SELECT id, last_value(dept) IGNORE NULLS OVER (ORDER BY id) AS a FROM emp ORDER BY id;
SELECT id, any_value(dept) OVER (PARTITION BY dept) AS a FROM emp ORDER BY id;
SELECT dept, sum(sum(salary)) OVER (ORDER BY dept) AS running FROM emp GROUP BY dept ORDER BY dept;
SELECT dept, rank() OVER (ORDER BY count(*) DESC, dept) AS r FROM emp GROUP BY dept ORDER BY r;
SELECT id, collect_list(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS l FROM emp ORDER BY id;
SELECT id, count(DISTINCT dept) OVER () FROM emp;
SELECT id FROM emp WHERE row_number() OVER (ORDER BY id) = 1;
SELECT row_number() OVER () FROM emp;
SELECT row_number() OVER (PARTITION BY dept) FROM emp;
SELECT id, sum(id) OVER (ORDER BY id ROWS BETWEEN 1 FOLLOWING AND 1 PRECEDING) FROM emp;
SELECT id, sum(id) OVER nope FROM emp;
SELECT id, sum(salary) FILTER (WHERE dept = 'eng') OVER (ORDER BY id) AS s FROM emp ORDER BY id;
SELECT id, sum(d) OVER (ORDER BY t RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND CURRENT ROW) AS s FROM VALUES (1, 1, date'2024-01-01'), (2, 2, date'2024-01-02'), (3, 4, date'2024-01-04') AS x(id, d, t) ORDER BY id;
SELECT name, salary FROM (SELECT *, row_number() OVER (PARTITION BY dept ORDER BY salary DESC NULLS LAST) AS rn FROM emp) WHERE rn = 1 ORDER BY name;
SELECT id, row_number() OVER (ORDER BY id) + 10 AS x, x * 2 AS y FROM emp ORDER BY id LIMIT 2;
