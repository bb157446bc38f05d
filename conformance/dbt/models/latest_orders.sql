{{ config(materialized='ephemeral') }}
select id, customer_id, day, amount, status from {{ ref('stg_orders') }}
qualify row_number() over (partition by id order by day desc) = 1
