-- @setup
CREATE OR REPLACE TEMPORARY VIEW emp AS SELECT * FROM VALUES (1, 'Ada', 'eng', 120, CAST(NULL AS INT)), (2, 'Bob', 'eng', 100, 1), (3, 'Cy', 'ops', 80, 1), (4, 'Di', 'ops', 80, 3), (5, 'Ed', NULL, 60, 3), (6, 'Fay', 'hr', NULL, 1) AS t(id, name, dept, salary, boss);
-- @setup
CREATE OR REPLACE TEMPORARY VIEW dept AS SELECT * FROM VALUES ('eng', 'Berlin'), ('ops', 'Paris'), ('law', 'Rome') AS t(code, city);
-- @setup
CREATE OR REPLACE TEMPORARY VIEW sales AS SELECT * FROM VALUES (2023, 1, 'east', 100), (2023, 2, 'east', 150), (2023, 1, 'west', 50), (2024, 1, 'east', 120), (2024, 2, 'west', 70), (2024, 2, 'east', NULL) AS t(year, quarter, region, amount);
-- @setup
CREATE OR REPLACE TEMPORARY VIEW items AS SELECT * FROM VALUES (1, array(10, 20, 30), map('a', 1, 'b', 2)), (2, array(), NULL), (3, NULL, NULL), (4, array(40, NULL), map('c', 3)) AS t(id, xs, kv);
-- @setup
CREATE OR REPLACE TEMPORARY FUNCTION plus_one(x INT) RETURNS INT RETURN x + 1;
-- @setup
CREATE OR REPLACE TEMPORARY FUNCTION greet(who STRING DEFAULT 'world', mark STRING DEFAULT '!') RETURNS STRING RETURN 'hello ' || who || mark;
-- @setup
CREATE OR REPLACE TEMPORARY FUNCTION pi_ish() RETURNS DOUBLE RETURN 3.14;
-- @setup
CREATE OR REPLACE TEMPORARY FUNCTION inferred(x INT, y INT) RETURN x * y;
-- @setup
CREATE OR REPLACE TEMPORARY FUNCTION pay(d STRING) RETURNS BIGINT RETURN (SELECT sum(salary) FROM emp WHERE dept = d);
-- @setup
CREATE OR REPLACE TEMPORARY FUNCTION of_dept(d STRING) RETURNS TABLE (id INT, name STRING) RETURN SELECT id, name FROM emp WHERE dept = d;
-- @setup
CREATE OR REPLACE TEMPORARY FUNCTION numbers(n INT) RETURNS TABLE RETURN SELECT id, id * 2 AS twice FROM range(10) WHERE id < n;
-- @setup
CREATE OR REPLACE TEMPORARY FUNCTION twice_plus(x INT) RETURNS INT RETURN plus_one(x) * 2;
-- @setup
CREATE OR REPLACE TEMPORARY FUNCTION area(w DOUBLE, h DOUBLE) RETURNS DOUBLE COMMENT 'of a rectangle' DETERMINISTIC RETURN w * h;
SELECT plus_one(1);
SELECT plus_one(id) FROM emp ORDER BY id LIMIT 2;
SELECT plus_one('5'), typeof(plus_one(1));
SELECT plus_one(NULL);
SELECT plus_one(x => 4);
SELECT plus_one('x');
SELECT plus_one();
SELECT plus_one(1, 2);
SELECT plus_one(y => 4);
SELECT plus_one(array(1));
SELECT greet(), greet('you'), greet('you', '?'), greet(mark => '.');
SELECT greet(mark => '.', who => 'me');
SELECT pi_ish() * 2, typeof(pi_ish());
SELECT inferred(3, 4), typeof(inferred(3, 4));
SELECT pay('eng'), pay('nope');
SELECT dept, pay(dept) AS p FROM emp GROUP BY dept ORDER BY dept;
SELECT twice_plus(3);
SELECT area(2, 3.5);
SELECT sum(plus_one(id)) FROM emp;
SELECT id FROM emp WHERE plus_one(id) = 3;
SELECT plus_one(plus_one(plus_one(1)));
SELECT plus_one(id) AS k, count(*) FROM emp GROUP BY plus_one(id) ORDER BY k LIMIT 2;
SELECT upper(greet('a')) || plus_one(2);
SELECT * FROM of_dept('eng') ORDER BY id;
SELECT t.name FROM of_dept('ops') AS t ORDER BY t.id;
SELECT * FROM numbers(3) ORDER BY id;
SELECT d.code, f.name FROM dept d, LATERAL of_dept(d.code) f ORDER BY d.code, f.id;
SELECT count(*) FROM of_dept('eng') a JOIN numbers(2) b ON a.id = b.id;
SELECT * FROM of_dept();
SELECT of_dept('eng');
SELECT * FROM plus_one(1);
SELECT transform(array(1, 2), x -> plus_one(x));
SELECT plus_one(x) FROM (SELECT 1 AS x) ORDER BY plus_one(x);
CREATE TEMPORARY FUNCTION plus_one(x INT) RETURNS INT RETURN x;
CREATE TEMPORARY FUNCTION bad(x INT) RETURNS INT RETURN y;
CREATE TEMPORARY FUNCTION bad(x INT, x INT) RETURNS INT RETURN x;
CREATE TEMPORARY FUNCTION bad(x INT) RETURNS INT RETURN sum(x);
CREATE TEMPORARY FUNCTION bad(x INT) RETURNS INT RETURN array(x);
CREATE TEMPORARY FUNCTION bad(x NOPE) RETURNS INT RETURN 1;
CREATE TEMPORARY FUNCTION bad() RETURNS TABLE (a INT, b INT) RETURN SELECT 1;
CREATE TEMPORARY FUNCTION bad(x INT DEFAULT 1, y INT) RETURNS INT RETURN x;
CREATE TEMPORARY FUNCTION bad(x INT DEFAULT 'abc') RETURNS INT RETURN x;
CREATE TEMPORARY FUNCTION bad(x INT) RETURNS INT RETURN row_number() OVER (ORDER BY x);
-- @setup
DROP TEMPORARY FUNCTION pi_ish;
SELECT pi_ish();
DROP TEMPORARY FUNCTION nope;
-- @setup
DROP TEMPORARY FUNCTION IF EXISTS nope;
-- @setup
CREATE OR REPLACE TEMPORARY FUNCTION plus_one(x BIGINT) RETURNS BIGINT RETURN x + 1L;
SELECT plus_one(1), typeof(plus_one(1));
-- @setup
CREATE OR REPLACE FUNCTION kept(x INT) RETURNS INT RETURN x + 100;
SELECT kept(1);
SELECT default.kept(2);
SELECT spark_catalog.default.kept(2);
CREATE FUNCTION kept(x INT) RETURNS INT RETURN x;
CREATE FUNCTION IF NOT EXISTS kept(x INT) RETURNS INT RETURN x;
SELECT kept(1);
-- @setup
DROP FUNCTION kept;
SELECT kept(1);
DROP FUNCTION kept;
DROP FUNCTION IF EXISTS kept;
