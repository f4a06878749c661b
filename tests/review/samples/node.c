#include <stdio.h>

struct node { //!
    struct node *next;
};

static int add(int a, int b); // declared

static inline int add(int a, int b) //!
{
    if (a > b) {
        return call(a, b);
    }
    while (next(a)) {
        a++;
    }
    return a + b;
}

struct node *make(size_t n) { //!
    return malloc(n);
}
