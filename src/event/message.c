/* Rounding that is the same on every machine. */
#include "nba/event/message.h"

double nba_round9(double x)
{
    if (!(x > -1e9 && x < 1e9)) {
        return x;
    }
    const double scaled = x * 1e9;
    const int64_t whole = (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    return (double)whole / 1e9;
}
