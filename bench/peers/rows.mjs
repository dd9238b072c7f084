// The statements of the peers, as one who knows SQL writes them: ids as clients see them, one statement a relation.

export const BOOK = `
  SELECT id AS key, 'bk_' || id AS id, title, description, visibility, seq, cover_image_id AS cover
  FROM books WHERE id = $1 AND deleted_at IS NULL`;

export const BOOKS = `
  SELECT b.id AS key, 'bk_' || b.id AS id, b.title, b.description, b.visibility, b.seq, b.cover_image_id AS cover
  FROM members m JOIN books b ON b.id = m.book_id
  WHERE m.user_id = $1 AND b.deleted_at IS NULL
  ORDER BY b.updated_at DESC, b.id DESC LIMIT $2`;

export const ELEMENTS = `
  SELECT book_id AS key, 'el_' || id AS id, kind, x, y, width, height, angle, order_key AS "orderKey",
    'im_' || image_id AS "imageId", crop, corner_radius AS "cornerRadius", content, font_size AS "fontSize", color,
    align, fill, stroke, stroke_width AS "strokeWidth", points
  FROM elements WHERE book_id = ANY($1::uuid[]) AND deleted_at IS NULL ORDER BY order_key, id`;

export const IMAGES = `
  SELECT i.* FROM unnest($1::uuid[]) AS asked(id) CROSS JOIN LATERAL (
    SELECT book_id AS key, 'im_' || id AS id, status, filename, content_type AS "contentType", size::float8 AS size,
      width, height
    FROM images WHERE book_id = asked.id AND deleted_at IS NULL ORDER BY id DESC LIMIT $2) AS i`;

export const COVERS = `
  SELECT id AS key, 'im_' || id AS id, filename, width, height FROM images
  WHERE id = ANY($1::uuid[]) AND deleted_at IS NULL`;

export const MEMBERS = `
  SELECT m.book_id AS key, m.role, 'us_' || u.id AS id, u.name
  FROM members m JOIN users u ON u.id = m.user_id WHERE m.book_id = ANY($1::uuid[]) ORDER BY m.joined_at, m.id`;

export const MEMBER_COUNTS = `
  SELECT book_id AS key, count(*)::int AS count FROM members WHERE book_id = ANY($1::uuid[]) GROUP BY book_id`;

// What REST asks for its list at once.
export const SHELF = `
  SELECT 'bk_' || b.id AS id, b.title, b.seq, 'im_' || i.id AS "coverId", i.filename, i.width, i.height,
    (SELECT count(*)::int FROM members WHERE book_id = b.id) AS "memberCount"
  FROM (
    SELECT b.* FROM members m JOIN books b ON b.id = m.book_id WHERE m.user_id = $1 AND b.deleted_at IS NULL
    ORDER BY b.updated_at DESC, b.id DESC LIMIT $2
  ) AS b LEFT JOIN images i ON i.id = b.cover_image_id AND i.deleted_at IS NULL
  ORDER BY b.updated_at DESC, b.id DESC`;

export const NUDGE = `
  UPDATE elements SET x = $2, y = $3 WHERE id = $1 AND deleted_at IS NULL RETURNING 'el_' || id AS id, x, y`;

export const RAISE = `
  UPDATE books SET seq = seq + 1, updated_at = now() WHERE id = $1 AND deleted_at IS NULL RETURNING seq, epoch`;

export const MOVE = `
  UPDATE elements SET x = $3, y = $4, seq = $5, updated_by = $6, updated_at = now()
  WHERE id = $2 AND book_id = $1 AND deleted_at IS NULL RETURNING *`;

export const TELL = `
  INSERT INTO events (book_id, seq, kind, payload, actor_id, batch_id, at)
  VALUES ($1, $2, 'CanvasChanged', $3, $4, $5, now())`;

const TYPES = {
  IMAGE: 'ImageElement',
  TEXT: 'TextElement',
  RECTANGLE: 'RectangleElement',
  CIRCLE: 'CircleElement',
  DRAWING: 'DrawingElement',
};

export const typeOf = (element) => TYPES[element.kind];

// The UUID of an id that clients see.
export const inside = (id) => id.slice(3);

// All that an event tells of an element, as Leporello's journal has it.
export const told = (element) => {
  const { deleted_at, ...rest } = element;
  return { elements: [rest], deleted_element_ids: [], pages: [], deleted_page_ids: [] };
};
