package a.b;

@Service
public final class Orders extends Base implements Runnable { //!
    private final Map<String, List<Order>> byId = new HashMap<>();

    public Orders(Clock clock) { //!
        super(clock);
    }

    @Override
    public <T extends Comparable<T>> List<T> sorted(List<T> in, int max) throws IOException { //!
        for (T one : in) {
            check(one);
        }
        synchronized (this) {
            return in;
        }
    }

    abstract void later();
}

record Pair(int a, int b) {} //!
