// A participant with a real database in a test world: its queries take real time, and no time of the world.
import { expect, test } from '@jest/globals';
import { defineParticipant, Refusal } from '@tercet/sdk';
import { mysql2Barrier } from '@tercet/sdk/barrier/mysql2';
import { createTestWorld, scripted } from '@tercet/sdk/testing';
import { createPool, type ResultSetHeader, type RowDataPacket } from 'mysql2/promise';
import { describeOn } from '../../support/servers.ts';
import { inventory, order, payment, price } from './shop.ts';

describeOn(['mysql'], 'a participant with a database in a test world', (server) => {
  test('serves orders in parallel, in the midst of lost replies and retries, and no call of it is ever given up', async () => {
    const pool = createPool({ uri: await server.createDatabase(), connectionLimit: 4 });
    const barrier = mysql2Barrier({ pool });
    await barrier.createTable();
    await pool.query('CREATE TABLE stock (available INT, reserved INT, sold INT)');
    await pool.query('INSERT INTO stock VALUES (10, 0, 0)');
    const participant = defineParticipant(inventory, {
      barrier,
      activities: {
        reserve: {
          async try({ item, quantity: n }, { sqlTx, call }) {
            const reserve =
              'UPDATE stock SET available = available - ?, reserved = reserved + ? WHERE available >= ?';
            const [{ affectedRows }] = await sqlTx.query<ResultSetHeader>(reserve, [n, n, n]);
            if (affectedRows === 0) throw new Refusal(`not enough of ${item}`);
            return { reservationId: call.branchId };
          },
          confirm: ({ quantity: n }, { sqlTx }) =>
            sqlTx.query('UPDATE stock SET reserved = reserved - ?, sold = sold + ?', [n, n]),
          cancel: ({ quantity: n }, { sqlTx }) =>
            sqlTx.query('UPDATE stock SET reserved = reserved - ?, available = available + ?', [n, n]),
        },
      },
    });
    const world = await createTestWorld({ participants: [participant, scripted(payment)] });
    world.on(inventory, 'try').loseReply(2);
    world.on(inventory, 'confirm').fail(3).loseReply(2);
    world.on(payment, 'try').fail(4);
    const placeOrder = () =>
      world.tercet
        .run({ name: 'order' }, async (tx) => {
          await tx.inventory.reserve(order);
          await tx.payment.hold(price);
        })
        .catch((error: { gid: string | null }) => error);

    const gids = await Promise.all(Array.from({ length: 7 }, async () => (await placeOrder()).gid));
    for (const gid of gids) await world.expectFinal(gid);

    const effects = gids.map((gid) => world.effectOf(gid, 'inventory-reserve-1'));
    expect(effects.sort()).toEqual([...Array(5).fill('confirmed'), 'none', 'none']);
    const [rows] = await pool.query<RowDataPacket[]>('SELECT available, reserved, sold FROM stock');
    expect(rows).toEqual([{ available: 0, reserved: 0, sold: 10 }]);
    // Four replies were lost by the script; a jump during a query would have made others.
    expect(world.calls.filter(({ isHeard }) => !isHeard)).toHaveLength(4);
    await pool.end();
  });
});
