// One order that is confirmed and one that is refused; prints how each ended.
exports.printEnds = async ({ defineContract, TransactionCancelled, createTestWorld, scripted, Type }) => {
  const inventory = defineContract('inventory', {
    reserve: { payload: Type.Object({ item: Type.String(), quantity: Type.Integer() }) },
  });
  const payment = defineContract('payment', { hold: { payload: Type.Object({ cents: Type.Integer() }) } });
  const world = await createTestWorld({ participants: [scripted(inventory), scripted(payment)] });
  const order = () =>
    world.tercet.run({ name: 'order' }, async (tx) => {
      await tx.inventory.reserve({ item: 'tea', quantity: 2 });
      await tx.payment.hold({ cents: 900 });
    });
  const { gid, status } = await order();
  await world.expectFinal(gid, { status: 'confirmed' });
  console.log(status);
  world.on(payment, 'try').refuse('no money');
  await order().catch(async (error) => {
    if (!(error instanceof TransactionCancelled)) throw error;
    await world.expectFinal(error.gid, { status: 'cancelled' });
    console.log('cancelled:', error.refusal.detail);
  });
};
