#!/bin/sh
# Run once by the image of PostgreSQL, on an empty volume: the role that nodes use owns its database and is no superuser, so that the
# database's own wall between members (row-level security) stands for it.
set -eu
: "${DATABASE_PASSWORD:?env.example says what it is}"
psql -X -q -v ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
\getenv password DATABASE_PASSWORD
CREATE ROLE lenticular LOGIN NOSUPERUSER PASSWORD :'password';
CREATE DATABASE lenticular OWNER lenticular TEMPLATE template0 ENCODING 'UTF8';
SQL
