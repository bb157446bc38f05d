{{ config(materialized='view', event_time='at', databricks_tags={'layer': 'staging'}) }}
select id, customer_id, day, at, cast(amount as decimal(10, 2)) as amount, status
from {{ ref('orders') }}
where day <= {{ var('day') }}
