-- The shop's schema. Applied in one transaction by a superuser, with psql's variables:
--   psql -1 -v ON_ERROR_STOP=1 -v owner=shop_owner -v app=shop_app -v reader=shop_reader -f schema.sql shop
-- `owner` owns the objects, `app` is what the application logs in as, `reader` owns what runs with its owner's rights.
SET ROLE :"owner";

CREATE EXTENSION pg_trgm;
CREATE TYPE order_status AS ENUM ('placed', 'paid', 'shipped', 'cancelled');

CREATE TABLE schema_migrations (
  version    text PRIMARY KEY,
  applied_at timestamptz NOT NULL DEFAULT now()
);

-- The directory that a login starts from: its domain names the tenant. It has no tenant_id and no row-level security.
CREATE TABLE tenants (
  id         uuid PRIMARY KEY,
  name       text NOT NULL,
  domain     text NOT NULL UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE users (
  id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id     uuid NOT NULL REFERENCES tenants (id),
  email         text NOT NULL,
  display_name  text NOT NULL,
  password_hash text NOT NULL,
  is_staff      boolean NOT NULL DEFAULT false,
  created_at    timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, email)
);

CREATE SEQUENCE product_sku_seq START 1000;
CREATE TABLE products (
  id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id   uuid NOT NULL REFERENCES tenants (id),
  sku         text NOT NULL DEFAULT 'SKU-' || nextval('product_sku_seq'),
  name        text NOT NULL,
  description text NOT NULL,
  price_cents integer NOT NULL CHECK (price_cents >= 0),
  attributes  jsonb NOT NULL DEFAULT '{}',
  picture     text NOT NULL, -- the key of an object in the shop's bucket, which is there before its row
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, sku)
);
ALTER SEQUENCE product_sku_seq OWNED BY products.sku;
CREATE INDEX products_by_tenant_name ON products (tenant_id, name, id);
CREATE INDEX products_name_trgm ON products USING gin (name gin_trgm_ops);
CREATE INDEX products_attributes ON products USING gin (attributes jsonb_path_ops);

-- order_no counts within the tenant. One tenant's events stay in order on one partition, so replaying them gives every
-- order the number it had.
CREATE TABLE orders (
  order_id     uuid NOT NULL,
  tenant_id    uuid NOT NULL REFERENCES tenants (id),
  order_no     bigint NOT NULL,
  user_id      uuid NOT NULL,
  status       order_status NOT NULL DEFAULT 'placed',
  total_cents  bigint NOT NULL CHECK (total_cents >= 0),
  placed_at    timestamptz NOT NULL,
  projected_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, order_id),
  UNIQUE (tenant_id, order_no)
);
CREATE INDEX orders_open ON orders (tenant_id, placed_at) WHERE status IN ('placed', 'paid');

-- product_id has no foreign key: an order that is replayed into an older database may name a product it does not have.
CREATE TABLE order_items (
  id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id        uuid NOT NULL,
  order_id         uuid NOT NULL,
  product_id       uuid NOT NULL,
  product_name     text NOT NULL,
  quantity         integer NOT NULL CHECK (quantity > 0),
  unit_price_cents integer NOT NULL CHECK (unit_price_cents >= 0),
  line_cents       bigint GENERATED ALWAYS AS (quantity::bigint * unit_price_cents) STORED,
  FOREIGN KEY (tenant_id, order_id) REFERENCES orders (tenant_id, order_id) ON DELETE CASCADE
);
CREATE INDEX order_items_by_order ON order_items (tenant_id, order_id);

CREATE TABLE order_totals (
  tenant_id   uuid PRIMARY KEY REFERENCES tenants (id),
  order_count bigint NOT NULL DEFAULT 0,
  total_cents bigint NOT NULL DEFAULT 0,
  updated_at  timestamptz NOT NULL DEFAULT now()
);

-- Events that can never become an order, kept with their place on the bus instead of stopping their partition.
CREATE TABLE rejected_events (
  topic        text NOT NULL,
  partition    integer NOT NULL,
  event_offset bigint NOT NULL,
  reason       text NOT NULL,
  payload      bytea,
  rejected_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (topic, partition, event_offset)
);

CREATE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END $$;
CREATE TRIGGER products_touch BEFORE UPDATE ON products FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

ALTER TABLE users        ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE products     ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE orders       ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE order_items  ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE order_totals ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

-- NULLIF: a setting that was local to an ended transaction reads as '', and no tenant must mean no rows, not an error.
CREATE POLICY tenant_isolation ON users TO :"app"
  USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid)
  WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
CREATE POLICY tenant_isolation ON products TO :"app", :"reader"
  USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid)
  WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
CREATE POLICY tenant_isolation ON orders TO :"app", :"reader"
  USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid)
  WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
CREATE POLICY tenant_isolation ON order_items TO :"app", :"reader"
  USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid)
  WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
CREATE POLICY tenant_isolation ON order_totals TO :"app", :"reader"
  USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid)
  WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- Checked with the caller's rights.
CREATE VIEW tenant_products WITH (security_invoker = true) AS
  SELECT tenant_id, id, sku, name, description, price_cents, attributes, picture, updated_at FROM products;

-- Checked with its owner's rights: tenant-safe only as long as it belongs to `reader`, whom the policies bind.
CREATE VIEW tenant_orders AS
  SELECT o.tenant_id, o.order_id, o.order_no, o.user_id, o.status, o.total_cents, o.placed_at, count(i.id) AS item_count
  FROM orders o LEFT JOIN order_items i USING (tenant_id, order_id)
  GROUP BY o.tenant_id, o.order_id;

-- Filters by itself.
CREATE FUNCTION order_summary() RETURNS TABLE (tenant_id uuid, order_count bigint, total_cents bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT t.tenant_id, t.order_count, t.total_cents FROM order_totals t
  WHERE t.tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid
$$;

-- Leaves the filtering to the policies that bind its owner.
CREATE FUNCTION best_sellers(max_rows integer DEFAULT 10)
RETURNS TABLE (tenant_id uuid, product_id uuid, product_name text, sold bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT i.tenant_id, i.product_id, min(i.product_name), sum(i.quantity) FROM order_items i
  GROUP BY i.tenant_id, i.product_id ORDER BY sum(i.quantity) DESC, i.product_id LIMIT max_rows
$$;
REVOKE EXECUTE ON FUNCTION order_summary(), best_sellers(integer) FROM PUBLIC;

GRANT SELECT ON tenants, schema_migrations, users TO :"app";
GRANT SELECT, INSERT, UPDATE, DELETE ON products TO :"app";
GRANT SELECT, INSERT, UPDATE ON orders, order_items, order_totals TO :"app";
GRANT INSERT ON rejected_events TO :"app";
GRANT USAGE ON SEQUENCE product_sku_seq TO :"app";
GRANT SELECT ON tenant_products, tenant_orders TO :"app";
GRANT EXECUTE ON FUNCTION order_summary(), best_sellers(integer) TO :"app";
GRANT SELECT ON products, orders, order_items, order_totals TO :"reader";

INSERT INTO schema_migrations (version) VALUES ('0001_shop'), ('0002_order_totals'), ('0003_rejected_events'), ('0004_pictures');

RESET ROLE;
ALTER VIEW tenant_orders OWNER TO :"reader";
ALTER FUNCTION order_summary() OWNER TO :"reader";
ALTER FUNCTION best_sellers(integer) OWNER TO :"reader";
