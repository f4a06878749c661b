template <typename T>
class Stack : public Base<T> { //!
public:
    explicit Stack(int size) : size_(size) {} //!
    ~Stack() override {} //!
    T top() const noexcept { //!
        return items_.back();
    }
    void later();
};

std::vector<int> ns::Stack::all(const std::string& a, //!
                                int b)
{
    for (auto x : a) {
        use(x);
    }
}
