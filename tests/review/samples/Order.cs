namespace Shop.Orders //!
{
    [Serializable]
    public partial class Order : Base, IOrder //!
    {
        public async Task<int> SaveAsync(CancellationToken token) //!
        {
            using (var db = Open())
            {
                return await db.SaveAsync(token);
            }
        }
    }
}
