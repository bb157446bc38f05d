{{ config(materialized='table') }}
select id, customer_id, amount from {{ ref('latest_orders') }}
