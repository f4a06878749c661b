import express from 'express';

const PORT = process.env.PORT || 3000;
const limits = { body: '1mb' };

/**
 * Finds a user.
 * if (missing) { it is null }
 */
export async function findUser(id) { //!
  const row = await db.get('select * from users where id = ?', [id]);
  if (!row) {
    return null;
  }
  for (const key of Object.keys(row)) {
    console.log(key);
  }
  return row;
}

const handler = async (req, res) => { //!
  switch (req.method) {
    case 'GET': return res.json(await findUser(req.params.id));
  }
};

export const many = async ( //!
  first,
  second,
) => {
  await Promise.all([first, second]);
};

export default class Store extends Base { //!
  #cache = new Map();

  constructor(path, { readOnly = false } = {}) { //!
    super(path);
  }

  static async open(path) { //!
    return new Store(path);
  }

  get size() { //!
    return this.#cache.size;
  }

  onClick = (event) => { //!
    event.preventDefault();
  };
}

exports.helper = function () { //!
  return 1;
};

app.get('/users/:id', (req, res) => {
  res.send('x');
});

describe('users', function () {
  it('finds', async () => {
    expect(await findUser(1)).toBeNull();
  });
});
